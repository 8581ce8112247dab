/**
 * The trading calendar of the New York exchanges, as `shared/market/calendar.py` computes it. Days are `YYYY-MM-DD`;
 * moments are ISO 8601 in UTC. The rules are those in force since 2022.
 */
export interface Session {
  opens: string;
  closes: string;
  /** The day ends at 13:00 in New York. */
  early: boolean;
}

const FIRST_YEAR = 2022;
const SPECIAL_CLOSURES: Record<string, string> = { "2025-01-09": "National day of mourning" };
const MONDAY = 1;
const THURSDAY = 4;
const DAY = 86_400_000;

/** The holiday that closes the exchanges on `day`, or null. */
export function holiday(day: string): string | null {
  const at = parse(day);
  const year = new Date(at).getUTCFullYear();
  if (year < FIRST_YEAR) throw new RangeError(`The calendar begins in ${FIRST_YEAR}, got ${day}.`);
  return SPECIAL_CLOSURES[day] ?? holidays(year).get(at) ?? null;
}

export function isTradingDay(day: string): boolean {
  return holiday(day) === null && isWeekday(parse(day));
}

/** The regular session of `day`, or null when closed. */
export function session(day: string): Session | null {
  if (!isTradingDay(day)) return null;
  const at = parse(day);
  const early = closesEarly(at);
  const hours = isSummer(at) ? 4 : 5;
  const moment = (minutes: number) => new Date(at + (minutes + hours * 60) * 60_000).toISOString().replace(".000", "");
  return { opens: moment(9 * 60 + 30), closes: moment((early ? 13 : 16) * 60), early };
}

export function nextTradingDay(day: string): string {
  return walk(day, DAY);
}

export function previousTradingDay(day: string): string {
  return walk(day, -DAY);
}

/** First and last of the `days` trading days that end on `end`, or before it when closed. */
export function tradingWindow(end: string, days: number): [string, string] {
  if (!Number.isInteger(days) || days < 1) throw new RangeError(`A window has at least one day, got ${days}.`);
  const last = isTradingDay(end) ? end : previousTradingDay(end);
  let first = last;
  for (let n = 1; n < days; n++) first = previousTradingDay(first);
  return [first, last];
}

function parse(day: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : NaN;
  if (Number.isNaN(at) || format(at) !== day) throw new RangeError(`Expected a day such as 2026-07-03, got ${day}.`);
  return at;
}

function format(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function walk(day: string, step: number): string {
  let at = parse(day) + step;
  while (!isTradingDay(format(at))) at += step;
  return format(at);
}

function isWeekday(at: number): boolean {
  const weekday = new Date(at).getUTCDay();
  return weekday !== 0 && weekday !== 6;
}

function holidays(year: number): Map<number, string> {
  const days = new Map<number, string>([
    [nth(year, 1, MONDAY, 3), "Martin Luther King Jr. Day"],
    [nth(year, 2, MONDAY, 3), "Presidents' Day"],
    [easter(year) - 2 * DAY, "Good Friday"],
    [lastMondayOfMay(year), "Memorial Day"],
    [nth(year, 9, MONDAY, 1), "Labor Day"],
    [nth(year, 11, THURSDAY, 4), "Thanksgiving Day"],
    [observed(Date.UTC(year, 5, 19)), "Juneteenth"],
    [observed(Date.UTC(year, 6, 4)), "Independence Day"],
    [observed(Date.UTC(year, 11, 25)), "Christmas Day"],
  ]);
  const newYear = Date.UTC(year, 0, 1);
  // The exchanges do not close on the last Friday of a year for a New Year's Day that is a Saturday.
  if (new Date(newYear).getUTCDay() !== 6) days.set(observed(newYear), "New Year's Day");
  return days;
}

function observed(at: number): number {
  const weekday = new Date(at).getUTCDay();
  if (weekday === 6) return at - DAY;
  return weekday === 0 ? at + DAY : at;
}

function closesEarly(at: number): boolean {
  const afterThanksgiving = nth(new Date(at).getUTCFullYear(), 11, THURSDAY, 4) + DAY;
  return at === afterThanksgiving || ["07-03", "12-24"].includes(format(at).slice(5));
}

/** New York's clock is ahead from March's second Sunday to November's first; it turns before any session. */
function isSummer(at: number): boolean {
  const year = new Date(at).getUTCFullYear();
  return nth(year, 3, 0, 2) <= at && at < nth(year, 11, 0, 1);
}

function nth(year: number, month: number, weekday: number, count: number): number {
  const first = Date.UTC(year, month - 1, 1);
  return first + (((weekday - new Date(first).getUTCDay() + 7) % 7) + 7 * (count - 1)) * DAY;
}

function lastMondayOfMay(year: number): number {
  const last = Date.UTC(year, 4, 31);
  return last - ((new Date(last).getUTCDay() + 6) % 7) * DAY;
}

/** Gauss's algorithm in the form of Meeus, Jones and Butcher, for the Gregorian calendar. */
function easter(year: number): number {
  const century = Math.floor(year / 100);
  const rest = year % 100;
  const golden = year % 19;
  const correction = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const epact = (19 * golden + century - Math.floor(century / 4) - correction + 15) % 30;
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor(rest / 4) - epact - (rest % 4)) % 7;
  const late = Math.floor((golden + 11 * epact + 22 * weekday) / 451);
  const sum = epact + weekday - 7 * late + 114;
  return Date.UTC(year, Math.floor(sum / 31) - 1, (sum % 31) + 1);
}
