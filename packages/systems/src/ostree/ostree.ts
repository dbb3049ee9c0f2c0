/** OSTree repositories in folders: what is in them, whether it is whole, and deltas between their commits. */
export { checkOstreeRepository, expectServed, listOstreeRefs } from "./ostree-repository.ts";
export { applyOstreeDelta, describeOstreeDelta, generateOstreeDelta, listOstreeDeltas } from "./ostree-deltas.ts";
