-- A target gets traffic only after it has passed its health check, as on AWS. HAProxy 3.0 (Debian 13) considers a server
-- up as soon as its name resolves, before the process in that container listens; `init-state` came with 3.1.
-- https://docs.haproxy.org/3.1/configuration.html#5.2-init-state
-- So a server is in the state "drain" before it has an address, and leaves it after its first check there.
local waiting = {}

local function drain(server)
  server:set_drain()
  server:check_force_down()
end

core.event_sub({ 'SERVER_INETADDR' }, function(_, data)
  local server = data.reference
  if not server then return end
  drain(server)
  waiting[server] = not server:get_addr():find('unknown') or nil
end)

core.register_task(function()
  for _, backend in pairs(core.backends) do
    for _, server in pairs(backend.servers) do drain(server) end
  end
  while true do
    for server in pairs(waiting) do
      -- It has passed its check: nothing else keeps it from being up.
      if server:get_stats().status == 'DRAIN' then
        waiting[server] = nil
        server:set_ready()
      end
    end
    core.msleep(100)
  end
end)
