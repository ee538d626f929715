-- A target gets traffic only after it has passed its health check, as on AWS. HAProxy 3.0 (Debian 13) considers a server
-- up as soon as its name resolves, before the process in that container listens; `init-state` came with 3.1.
-- https://docs.haproxy.org/3.1/configuration.html#5.2-init-state
core.event_sub({ 'SERVER_INETADDR' }, function(_, data)
  if data.reference then data.reference:check_force_down() end
end)
