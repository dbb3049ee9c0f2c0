export function ensureFirstBundle(root: string, node: string): void;
export function freshBundle(root: string): string | null;
export function markFresh(root: string, sinceMs: number): void;
