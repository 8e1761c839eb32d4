select cast('2026-01-01' as date) + cast(n as integer) as date_day from range(90) as days(n)
