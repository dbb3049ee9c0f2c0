export function markedProcesses(name: string, value: string): number[];
export function describeProcesses(pids: readonly number[]): string[];
export function endMarkedProcesses(name: string, value: string): void;
