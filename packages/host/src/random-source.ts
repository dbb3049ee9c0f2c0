export interface RandomSource {
  /** Fills with unpredictable bytes (or, when simulated, repeatable ones). */
  fill(bytes: Uint8Array): void;
}
