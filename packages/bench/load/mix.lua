-- load.lua with nine reads of the list for each write.
dofile('/bench/load.lua')

local read = 'GET /read HTTP/1.1\r\nHost: bench\r\n\r\n'
local write = 'GET /write HTTP/1.1\r\nHost: bench\r\n\r\n'
local sent = 0
writes = 0

function request()
  sent = sent + 1
  if sent % 10 > 0 then return read end
  writes = writes + 1
  return write
end
