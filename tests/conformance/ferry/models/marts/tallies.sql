select port_id as port, count(*) as count from {{ ref('crossings') }} group by 1
