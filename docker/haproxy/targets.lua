-- A target gets traffic only after it has passed its health check, as on AWS. HAProxy 3.0 (Debian 13) considers a server
-- up as soon as its name resolves, before the process in that container listens; `init-state` came with 3.1.
-- https://docs.haproxy.org/3.1/configuration.html#5.2-init-state
-- So a server is in the state "drain" before it has an address, and leaves it after its first check there.
core.register_task(function()
  -- By server: its address, and whether it has yet to pass its first check there.
  local addresses, waiting = {}, {}
  while true do
    for _, backend in pairs(core.backends) do
      for name, server in pairs(backend.servers) do
        local address = server:get_addr()
        if address ~= addresses[name] then
          addresses[name], waiting[name] = address, not address:find('unknown')
          server:set_drain()
          server:check_force_down()
        elseif waiting[name] and server:get_stats().status == 'DRAIN' then
          waiting[name] = false
          server:set_ready()
        end
      end
    end
    core.msleep(100)
  end
end)
