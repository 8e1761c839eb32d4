select tower, count(*) as miscounts
from {{ ref('stg_rings') }}
where strokes <> strokes_due
group by tower
