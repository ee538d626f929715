-- wrk -t1 -c CONNECTIONS … -s load.lua URL -- SECONDS CONNECTIONS
-- Sends for SECONDS, then waits for the requests in flight, so that every request sent is counted with its response;
-- then ends wrk and prints one line of JSON. Without this wrk aborts its last requests.
local ffi = require('ffi')
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *time);
  int getpid(void);
  int kill(int process, int signal);
]]
local monotonic, interrupt = 1, 2
local time = ffi.new('bench_time')

local function now()
  ffi.C.clock_gettime(monotonic, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

function setup(thread)
  worker = thread
end

function init(args)
  seconds, connections = tonumber(args[1]), tonumber(args[2])
  started, waiting, idle, ended = now(), connections, 0, now()
end

-- wrk calls this before each request of a connection, so also after each response.
function delay()
  local at = now()
  if waiting > 0 then
    waiting = waiting - 1
  else
    ended = at
  end
  if at - started < seconds then return 0 end
  idle = idle + 1
  if idle == connections then ffi.C.kill(ffi.C.getpid(), interrupt) end
  return 60000
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"refused":%d,"unanswered":%d,"bytes":%d,"writes":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, worker:get('ended') - worker:get('started'),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.bytes, worker:get('writes') or 0,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000
  ))
end
