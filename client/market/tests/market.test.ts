import * as calendar from "../calendar";
import { regime } from "../thresholds";
import { run } from "../../tests/vectors";

function holidays(year: number): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    const name = calendar.holiday(day);
    if (name !== null) found[day] = name;
  }
  return found;
}

run({
  calendar: {
    holidays: ({ year }) => holidays(year),
    holiday: ({ day }) => calendar.holiday(day),
    isTradingDay: ({ day }) => calendar.isTradingDay(day),
    session: ({ day }) => calendar.session(day),
    nextTradingDay: ({ day }) => calendar.nextTradingDay(day),
    previousTradingDay: ({ day }) => calendar.previousTradingDay(day),
    window: ({ end, days }) => calendar.tradingWindow(end, days),
  },
  thresholds: { regime: ({ reading, thresholds, previous }) => regime(reading, thresholds, previous) },
});
