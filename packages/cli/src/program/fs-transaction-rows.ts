/** Rows of `stratos fs txn`. */
import { Command, InvalidArgumentError } from "commander";
import type { TransactionRunOptions } from "../commands/fs-transaction-command.ts";
import { VOLUME_WORDS, type Finish } from "./fs-rows.ts";

export function transactionCommand(finish: Finish): Command {
  const commands = () => import("../commands/fs-transaction-command.ts");
  const transaction = new Command("txn")
    .enablePositionalOptions()
    .summary("run commands as transactions")
    .description("Runs commands as transactions on a volume: all that they change, or nothing.")
    .usage("COMMAND");
  transaction.addCommand(
    new Command("run")
      .description(
        "Runs a command in a folder that shows the volume's files. When it ends with status 0, all that it " +
          "changed becomes the volume's at once; else nothing has happened. The folder is a mount where FUSE is " +
          "there, else a copy; of a volume that is mounted it lies in the mount (.snapshots/NAME). " +
          "$STRATOS_TRANSACTION names it.",
      )
      .summary("run a command: all of what it does, or nothing")
      .usage("[OPTIONS] VOLUME [--] CMD [ARG…]")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<cmd>", "program of the host")
      .argument("[arg...]", "its arguments")
      .option("--no-mount", "work on a copy, although FUSE is there (of a volume that is not mounted)")
      .passThroughOptions()
      .action(async (volume: string, command: string, args: string[], options: TransactionRunOptions) =>
        finish(await (await commands()).runTransaction(volume, [command, ...args], options)),
      ),
  );
  transaction.addCommand(
    new Command("clean")
      .description("Removes what transactions left whose command was killed. Nothing of them happens.")
      .summary("remove what killed transactions left")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).cleanTransactions(volume))),
  );
  // What `run` asks of the process that serves a mounted volume.
  transaction.addCommand(
    new Command("begin")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "of the transaction", transactionName)
      .action(async (volume: string, name: string) => {
        await (await commands()).beginTransaction(volume, name);
        finish(0);
      }),
    { hidden: true },
  );
  transaction.addCommand(
    new Command("end")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "of the transaction", transactionName)
      .option("--commit", "keep what was done")
      .action(async (volume: string, name: string, options: { commit?: true }) =>
        finish(await (await commands()).endTransactionNamed(volume, name, options)),
      ),
    { hidden: true },
  );
  return transaction;
}

function transactionName(text: string): string {
  if (!/^\.transaction-\d+-[0-9a-z]+$/.test(text)) throw new InvalidArgumentError("No name of a transaction.");
  return text;
}
