select * from {{ ref('stg_rings') }} where extract(hour from rung_at) < 6
