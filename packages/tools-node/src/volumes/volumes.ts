/** AegisFS volumes on this computer: their devices, passphrases, codecs, and the filters that its user named. */
export {
  environmentPassphrase,
  mountDevices,
  offerNodeLanes,
  openVolumeDevices,
  PassphraseError,
  VOLUME_CODECS,
  type VolumeDevices,
  volumePaths,
} from "./volume-devices.ts";
export { FilterError, withEnvironmentFilters } from "./volume-filters.ts";
