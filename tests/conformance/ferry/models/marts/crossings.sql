select
    crossing_id,
    port_id,
    vessel_id,
    cast(sailed_on as date) as sailed_on,
    passengers,
    fare,
    late,
    weather,
    case when fare > 5 then 'dear' else 'cheap' end as "load-class"
from {{ ref('crossings_seed') }}
