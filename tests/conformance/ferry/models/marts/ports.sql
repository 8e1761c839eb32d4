select port_id, country, cast(opened_on as date) as opened_on from {{ ref('ports_seed') }}
