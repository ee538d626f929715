-- sysbench: one row, one commit, as fast as the server can.
function thread_init()
  connection = sysbench.sql.driver():connect()
end

function event()
  connection:query('INSERT INTO testtable (dt) VALUES (UTC_TIMESTAMP(3))')
end
