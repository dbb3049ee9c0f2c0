/**
 * Statements of PGlite that are prepared once, as pg's are (postgres.ts): the hub's take longer to be parsed and
 * planned than to be executed. PGlite's own `query` prepares each anew.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { parse, type PGlite, protocol } from "@electric-sql/pglite";
import { concatBytes } from "@stratos/base";

const { serialize } = protocol;

interface Prepared {
  readonly name: string;
  /** Of its parameters (pg_type.oid). */
  readonly types: readonly number[];
}

/** Texts that are made anew for each call must not fill the memory. */
const PREPARED_MAX = 1_000;

export class PgliteStatements {
  readonly #pglite: PGlite;
  readonly #prepared = new Map<string, Prepared>();
  #made = 0;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /** One at a time: the caller sees to it that no other transaction is under way. @throws what PGlite throws */
  run<Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    return this.#pglite.runExclusive(async () => {
      const { name, types } = this.#prepared.get(sql) ?? (await this.#prepare(sql));
      const { serializers, parsers } = this.#pglite;
      const values = parameters.map((value, index) => {
        if (value === null || value === undefined) return null;
        return serializers[types[index]!]?.(value) ?? String(value);
      });
      const messages = await this.#send([
        serialize.bind({ statement: name, values }),
        serialize.describe({ type: "P" }),
        serialize.execute({}),
      ]);
      if (!this.#pglite.isInTransaction()) await this.#pglite.syncToFs();
      return (parse.parseResults(messages, parsers)[0]?.rows ?? []) as Row[];
    });
  }

  async #prepare(sql: string): Promise<Prepared> {
    if (this.#prepared.size >= PREPARED_MAX) {
      await this.#send([...this.#prepared.values()].map(({ name }) => serialize.close({ type: "S", name })));
      this.#prepared.clear();
    }
    const name = `s${++this.#made}`;
    const messages = await this.#send([serialize.parse({ name, text: sql }), serialize.describe({ type: "S", name })]);
    const prepared = { name, types: parse.parseDescribeStatementResults(messages) };
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  /** With a sync behind them, by which it goes on after an error, too. */
  #send(messages: readonly Uint8Array[]): ReturnType<PGlite["execProtocolStream"]> {
    return this.#pglite.execProtocolStream(concatBytes([...messages, serialize.sync()]), { syncToFs: false });
  }
}
