-- load.lua with an idempotency key of its own for each request.
dofile('/bench/load.lua')

local sent = 0

function request()
  sent = sent + 1
  return 'GET /write HTTP/1.1\r\nHost: bench\r\nIdempotency-Key: ' .. started .. '-' .. sent .. '\r\n\r\n'
end
