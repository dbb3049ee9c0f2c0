/** What a task has read and written: proc_pid_io(5), and the blocks of getrusage(2). In bytes, but for the calls. */
interface TransferCounts {
  /** By read(2), write(2) and their like, wherever the bytes came from or went. */
  read: number;
  written: number;
  readCalls: number;
  writeCalls: number;
  /** Pages that had to be fetched from a file system's device, and that were made to be stored there. */
  fetched: number;
  stored: number;
}

export function newTransferCounts(): TransferCounts {
  return { read: 0, written: 0, readCalls: 0, writeCalls: 0, fetched: 0, stored: 0 };
}

export function addTransfers(to: TransferCounts, from: TransferCounts): void {
  to.read += from.read;
  to.written += from.written;
  to.readCalls += from.readCalls;
  to.writeCalls += from.writeCalls;
  to.fetched += from.fetched;
  to.stored += from.stored;
}
