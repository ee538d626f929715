-- Intent: the table of stored times. The list is ordered by (dt, id), which the index holds whole: InnoDB appends
-- the primary key to every secondary index, so listing never touches the rows themselves.
-- Reversible: yes, by DROP TABLE, which loses the data.
-- Repeatable: yes
-- App user: SELECT, INSERT ON {{table}}
CREATE TABLE IF NOT EXISTS {{table}} (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  dt DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY by_dt (dt)
) ENGINE = InnoDB
