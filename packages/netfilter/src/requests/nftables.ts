/** NFNL_SUBSYS_NFTABLES: what each message asks for. */
import type { Ruleset } from "../rules/ruleset.ts";
import {
  ENOENT,
  NFTA_GEN_ID,
  NFTA_GEN_PROC_NAME,
  NFTA_GEN_PROC_PID,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELFLOWTABLE,
  NFT_MSG_DELOBJ,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSET,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_DESTROYCHAIN,
  NFT_MSG_DESTROYFLOWTABLE,
  NFT_MSG_DESTROYOBJ,
  NFT_MSG_DESTROYRULE,
  NFT_MSG_DESTROYSET,
  NFT_MSG_DESTROYSETELEM,
  NFT_MSG_DESTROYTABLE,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETFLOWTABLE,
  NFT_MSG_GETOBJ,
  NFT_MSG_GETOBJ_RESET,
  NFT_MSG_GETRULE,
  NFT_MSG_GETRULE_RESET,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFT_MSG_GETSETELEM_RESET,
  NFT_MSG_GETTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWFLOWTABLE,
  NFT_MSG_NEWOBJ,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
} from "@stratos/abi";
import { MessageWriter } from "../wire/message-writer.ts";
import { Refusal } from "../wire/refusal.ts";
import { Dump, dumpChains, dumpElements, dumpObjects, dumpRules, dumpSets, dumpTables } from "./dumps.ts";
import { deleteFlowtable, dumpFlowtables, newFlowtable } from "./flowtables.ts";
import { deleteRule, newObject, newRule, validateTable } from "./rules.ts";
import { deleteElements, newElements, newSet } from "./sets.ts";
import { deleteChain, deleteObject, deleteSet, deleteTable, newChain, newTable } from "./tables.ts";
import { type ChangeRequest, Transaction } from "./transaction.ts";

type Change = (t: Transaction, request: ChangeRequest) => void;

/** What is gone already is no error (NFT_MSG_DESTROY*). */
const orGone =
  (change: Change): Change =>
  (t, request) => {
    try {
      change(t, request);
    } catch (error) {
      if (!(error instanceof Refusal) || error.errno !== ENOENT) throw error;
    }
  };

/** Of a batch. */
export const CHANGES: ReadonlyMap<number, Change> = new Map<number, Change>([
  [NFT_MSG_NEWTABLE, newTable],
  [NFT_MSG_DELTABLE, deleteTable],
  [NFT_MSG_DESTROYTABLE, orGone(deleteTable)],
  [NFT_MSG_NEWCHAIN, newChain],
  [NFT_MSG_DELCHAIN, deleteChain],
  [NFT_MSG_DESTROYCHAIN, orGone(deleteChain)],
  [NFT_MSG_NEWRULE, newRule],
  [NFT_MSG_DELRULE, deleteRule],
  [NFT_MSG_DESTROYRULE, orGone(deleteRule)],
  [NFT_MSG_NEWSET, newSet],
  [NFT_MSG_DELSET, deleteSet],
  [NFT_MSG_DESTROYSET, orGone(deleteSet)],
  [NFT_MSG_NEWSETELEM, newElements],
  [NFT_MSG_DELSETELEM, (t, request) => deleteElements(t, request, false)],
  [NFT_MSG_DESTROYSETELEM, orGone((t, request) => deleteElements(t, request, true))],
  [NFT_MSG_NEWOBJ, newObject],
  [NFT_MSG_DELOBJ, deleteObject],
  [NFT_MSG_DESTROYOBJ, orGone(deleteObject)],
  [NFT_MSG_NEWFLOWTABLE, newFlowtable],
  [NFT_MSG_DELFLOWTABLE, deleteFlowtable],
  [NFT_MSG_DESTROYFLOWTABLE, orGone(deleteFlowtable)],
]);

/** Questions. */
export const DUMPS: ReadonlyMap<number, (dump: Dump) => void> = new Map<number, (dump: Dump) => void>([
  [NFT_MSG_GETTABLE, dumpTables],
  [NFT_MSG_GETCHAIN, dumpChains],
  [NFT_MSG_GETRULE, (dump) => dumpRules(dump, false)],
  [NFT_MSG_GETRULE_RESET, (dump) => dumpRules(dump, true)],
  [NFT_MSG_GETSET, dumpSets],
  [NFT_MSG_GETSETELEM, (dump) => dumpElements(dump, false)],
  [NFT_MSG_GETSETELEM_RESET, (dump) => dumpElements(dump, true)],
  [NFT_MSG_GETOBJ, (dump) => dumpObjects(dump, false)],
  [NFT_MSG_GETOBJ_RESET, (dump) => dumpObjects(dump, true)],
  [NFT_MSG_GETFLOWTABLE, dumpFlowtables],
]);

/** @throws Refusal as `validateTable` */
export function validate(t: Transaction): void {
  for (const table of t.touched) if (t.ruleset.tables.includes(table)) validateTable(table);
}

/** The number of the ruleset, and who made it so. */
export function fillGeneration(w: MessageWriter, ruleset: Ruleset, who: { pid: number; name: string }): void {
  w.u32(NFTA_GEN_ID, ruleset.generation).u32(NFTA_GEN_PROC_PID, who.pid).text(NFTA_GEN_PROC_NAME, who.name);
}
