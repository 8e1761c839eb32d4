"""A double of dbt Cloud: a server on loopback with an account, jobs and runs, in which real dbt works."""
