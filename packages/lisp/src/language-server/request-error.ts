/** A request that is refused. `code`: JSON-RPC 2.0 §5.1, LSP 3.17 "Response Message". */
export class RequestError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
