select crossing_id, late from {{ ref('crossings') }} where weather = 'storm'
