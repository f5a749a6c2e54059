// Statements to store, and queries with what each has to find among them.
import { randomUUID } from "node:crypto";

export const verbs = {
  experienced: "http://adlnet.gov/expapi/verbs/experienced",
  answered: "http://adlnet.gov/expapi/verbs/answered",
};

// sample makes statements that nothing else in the store resembles, so that
// several runs can share one server.
export function sample() {
  const run = randomUUID();
  const learner = { objectType: "Agent", name: "Lea Learner", mbox: `mailto:lea-${run}@example.com` };
  const teacher = {
    objectType: "Agent",
    name: "Theo Teacher",
    account: { homePage: "https://school.example", name: run },
  };
  const course = activity(`https://training.example/${run}/course`, "Hand hygiene: 手指衛生");
  const registration = randomUUID();
  const page = (n) => `https://training.example/${run}/page/${n}`;

  // one makes a statement with an id; n makes it differ from the others.
  const one = (n) => ({
    id: randomUUID(),
    actor: learner,
    verb: n % 2 ? { id: verbs.answered, display: { en: "answered" } } : { id: verbs.experienced, display: { en: "experienced" } },
    object: activity(page(n % 3), `Page ${n % 3}`),
    result: { score: { scaled: n / 100 }, success: n % 4 === 0, response: `Antwort № ${n} "…"` },
    context: {
      ...(n % 3 === 0 && { registration }),
      ...(n % 5 === 0 && { instructor: teacher }),
      contextActivities: { parent: [course] },
      language: "de",
    },
    timestamp: "2026-03-01T10:00:00.000Z",
  });
  const many = (count) => Array.from({ length: count }, (_, n) => one(n));
  return { run, learner, teacher, course, registration, page, one, many };
}

function activity(id, name) {
  return { objectType: "Activity", id, definition: { name: { en: name }, type: "http://adlnet.gov/expapi/activities/lesson" } };
}

// queries pairs the parameters of a query with the statements that it has to
// find, in its order. sent is in the order of storing; stored(n) is the
// timestamp that the server gave to the n-th of them.
export function queries({ learner, teacher, course, registration, page }, sent, stored) {
  const who = { agent: learner };
  const middle = Math.floor(sent.length / 2);
  const newest = (test) => sent.filter(test).reverse();
  const answered = (s) => s.verb.id === verbs.answered;
  const registered = (s) => s.context.registration === registration;
  return [
    [who, newest(() => true)],
    [{ ...who, ascending: true }, sent],
    [{ ...who, limit: 3 }, newest(() => true).slice(0, 3)],
    [{ ...who, verb: verbs.answered }, newest(answered)],
    [{ activity: page(1) }, newest((s) => s.object.id === page(1))],
    [{ registration }, newest(registered)],
    [{ activity: course.id }, []],
    [{ activity: course.id, related_activities: true }, newest(() => true)],
    [{ agent: teacher }, []],
    [{ agent: teacher, related_agents: true }, newest((s) => s.context.instructor)],
    [{ ...who, since: stored(middle) }, newest((_, n) => n > middle)],
    [{ ...who, until: stored(middle) }, newest((_, n) => n <= middle)],
    [
      { ...who, verb: verbs.answered, activity: page(0), registration, until: stored(middle), ascending: true },
      sent.filter((s, n) => answered(s) && s.object.id === page(0) && registered(s) && n <= middle),
    ],
  ];
}

export const ids = (statements) => statements.map((s) => s.id);
