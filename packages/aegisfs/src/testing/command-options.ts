/** What the commands in this folder share. */

/** The number behind `--name`; ends the program when it is none. */
export function numberOption(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (!Number.isFinite(value)) {
    console.error(`--${name} needs a number`);
    process.exit(2);
  }
  return value;
}

/** A line now and then, so that a run which is cut short tells how far it came. */
export function tellProgress(round: number, seed: number): void {
  if (round > 0 && round % 250 === 0) console.error(`${round} rounds done, up to seed ${seed - 1}`);
}
