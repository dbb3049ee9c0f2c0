/** PulseAudio's protocol: pages load what speaks it when the first program does. */
import { SoundServer } from "@stratos/sound/server";

export function makeSoundServer(...given: ConstructorParameters<typeof SoundServer>): SoundServer {
  return new SoundServer(...given);
}
