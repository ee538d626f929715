/** SQL for a replica that waits until it has applied these transactions; prints 0 if it has. */
export const appliedWithin = (gtids: string, seconds: number): string =>
  `SELECT WAIT_FOR_EXECUTED_GTID_SET('${gtids.replaceAll(/\\n|\s/g, '')}', ${seconds})`
