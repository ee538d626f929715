-- Intent: makes room for the trigger of the next migration; MySQL cannot replace one. What is inserted between the two, by
-- another program than the app, the migration after it counts.
-- Reversible: yes, by the migration that created the trigger.
-- Repeatable: yes
DROP TRIGGER IF EXISTS count_inserted_time
