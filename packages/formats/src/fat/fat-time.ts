/**
 * Dates of FAT: two-second steps from 1980 to 2107, taken as UTC. Source: Microsoft FAT specification (2005) §6, "Date
 * and Time Formats".
 */
import { civilTime, daysFromCivil } from "../calendar/civil-time.ts";

/** FAT's date and time words; what lies outside of its years becomes its first or last second. */
export function fatTime(seconds: number): { date: number; time: number } {
  const { year, month, day, hour, minute, second } = civilTime(seconds);
  if (year < 1980) return { date: 0x0021, time: 0 };
  if (year > 2107) return { date: 0xff9f, time: 0xbf7d };
  return { date: ((year - 1980) << 9) | (month << 5) | day, time: (hour << 11) | (minute << 5) | (second >> 1) };
}

export function secondsOfFatTime(date: number, time: number): number {
  const month = Math.min(12, Math.max(1, (date >> 5) & 15)),
    day = Math.max(1, date & 31);
  return (
    daysFromCivil((date >> 9) + 1980, month, day) * 86400 +
    (time >> 11) * 3600 +
    ((time >> 5) & 63) * 60 +
    (time & 31) * 2
  );
}
