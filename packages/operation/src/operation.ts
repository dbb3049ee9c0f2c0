/** What operations of the application share: how they fail, and how they are undone. */
export { OperationError, type OperationFailure } from "./operation-error.ts";
export type { Guard, Stopper } from "./guard.ts";
export type { Progress } from "./progress.ts";
export { formatSize } from "./size-text.ts";
