/** Metrics in the Prometheus text format (version 0.0.4). */
export class MetricsText {
  #text = "";

  family(
    name: string,
    type: "counter" | "gauge",
    help: string,
    samples: readonly (readonly [labels: string, value: number])[],
  ): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) this.#text += `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`;
  }

  toString(): string {
    return this.#text;
  }
}

/** Requests by operation and status. Bound: operations times statuses. */
export class RequestCounters {
  readonly #counts = new Map<string, number>();
  readonly #seconds = new Map<string, number>();

  add(operation: string, status: number, seconds: number): void {
    const key = `operation="${operation}",status="${status}"`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#seconds.set(operation, (this.#seconds.get(operation) ?? 0) + seconds);
  }

  /** @param prefix  that the families' names begin with */
  write(metrics: MetricsText, prefix: string): void {
    metrics.family(`${prefix}_requests_total`, "counter", "Requests answered.", [...this.#counts]);
    metrics.family(
      `${prefix}_request_seconds_total`,
      "counter",
      "Time spent on requests.",
      [...this.#seconds].map(([operation, seconds]) => [`operation="${operation}"`, seconds]),
    );
  }
}
