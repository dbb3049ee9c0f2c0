export function ensureFirstBundle(root: string, node: string): void;
export function freshBundle(root: string): string | null;
