-- A target gets traffic only after it has passed its health check, as on AWS. HAProxy alone takes a container for
-- healthy from the moment its name resolves until the first check fails (`init-state` came with 3.1, Debian 13 has
-- 3.0), and the container's server needs longer than that to listen.
-- https://docs.haproxy.org/3.1/configuration.html#5.2-init-state

core.register_task(function()
  -- By server: the address it was last seen with, and whether it still waits for its first check there.
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
