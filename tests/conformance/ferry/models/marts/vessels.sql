select vessel_id, built, 'in' as "class" from {{ ref('vessels_seed') }}
