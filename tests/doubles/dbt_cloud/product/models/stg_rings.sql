
select
    tower,
    rung_at,
    strokes,
    {{ strokes_due('rung_at') }} as strokes_due
from {{ ref('rings') }}
