/** One of RLIMIT_* (getrlimit(2)); 2^64 − 1 (infinity) is Infinity here. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}
