/** Rows of `stratos fs txn`. */
import { Command } from "commander";
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
          "there, else a copy; $STRATOS_TRANSACTION names it.",
      )
      .summary("run a command: all of what it does, or nothing")
      .usage("[OPTIONS] VOLUME [--] CMD [ARG…]")
      .argument("<volume>", "file or device, UUID=… or LABEL=…; not mounted")
      .argument("<cmd>", "program of the host")
      .argument("[arg...]", "its arguments")
      .option("--no-mount", "work on a copy, although FUSE is there")
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
  return transaction;
}
