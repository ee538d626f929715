-- sysbench: one row and one commit per event, at full speed.
function thread_init()
  connection = sysbench.sql.driver():connect()
end

function event()
  connection:query('INSERT INTO testtable (dt) VALUES (UTC_TIMESTAMP(3))')
end
