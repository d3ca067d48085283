// Drives Emmett through its public API: jobs come in as lines of JSON, and each is answered
// with a line. The process ends with its input.
import { createInterface } from 'node:readline';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { dumbo } from '@event-driven-io/dumbo';
import { getPostgreSQLEventStore, postgreSQLEventStoreMessageBatchPuller, readLastMessageGlobalPosition, readMessagesBatch } from '@event-driven-io/emmett-postgresql';

const settings = JSON.parse(process.argv[2]);
const pool = new pg.Pool({ connectionString: settings.url, max: settings.connections });
const store = getPostgreSQLEventStore(settings.url, { schema: { autoMigration: 'None' }, connectionOptions: { pool } });
const log = dumbo({ connectionString: settings.url, pool }); // what a consumer reads through
const sleep = (millis) => new Promise((done) => setTimeout(done, millis));

// Emmett counts versions from 1, and the version of a stream that is not there is 0.
const append = (stream, version) =>
  store.appendToStream(`bench-${stream}`, [{ type: settings.type, data: settings.data, metadata: settings.metadata }], { expectedStreamVersion: BigInt(version) });

// run lets clients work at once for a while, and sums up how long each call took.
async function run(clients, millis, work) {
  const took = [];
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let n = 0, last = began; last - began < millis; n++) {
      await work(client, n);
      const now = performance.now();
      took.push(now - last);
      last = now;
    }
  }));
  return { rate: took.length / ((performance.now() - began) / 1000), appended: took.length, ...quantiles(took) };
}

function quantiles(took) {
  took.sort((a, b) => a - b);
  const at = (percent) => took[Math.floor((took.length * percent) / 100)] ?? 0;
  return { p50: at(50), p95: at(95), p99: at(99) };
}

const appending = (acknowledged) => {
  const id = randomUUID();
  return async (client, n) => {
    const called = performance.now();
    const { lastEventGlobalPosition } = await append(`${id}-${client}-${Math.floor(n / settings.perStream)}`, n % settings.perStream);
    acknowledged(lastEventGlobalPosition, called);
  };
};

const jobs = {
  migrate: async () => { await store.schema.migrate(); return {}; },

  fill: async ({ clients, streams }) => {
    await Promise.all(Array.from({ length: clients }, async (_, client) => {
      for (let version = 0; version < settings.perStream; version++)
        for (let n = client; n < streams; n += clients) await append(`fill-${n}`, version);
    }));
    return {};
  },

  append: ({ clients, millis }) => run(clients, millis, appending(() => {})),

  load: ({ clients, millis, streams }) => run(clients, millis, async () => {
    const { events } = await store.readStream(`bench-fill-${Math.floor(Math.random() * streams)}`);
    if (events.length !== settings.perStream) throw new Error(`${events.length} events instead of ${settings.perStream}`);
  }),

  // read pages through the log as its consumer does, without the consumer's pauses.
  read: async ({ events }) => {
    const began = performance.now();
    const seen = new Set();
    for (let after = 0n, left = true; left;) {
      const batch = await readMessagesBatch(log.execute, { after, batchSize: settings.page });
      for (const m of batch.messages) seen.add(m.metadata.messageId);
      [after, left] = [batch.currentGlobalPosition, batch.areMessagesLeft];
    }
    return { rate: seen.size / ((performance.now() - began) / 1000), appended: events, missed: events - seen.size };
  },

  // follow lets Emmett's own puller read while clients append.
  follow: async ({ clients, millis }) => {
    const seen = new Map(), written = new Map();
    let last = performance.now();
    const puller = postgreSQLEventStoreMessageBatchPuller({
      executor: log.execute, batchSize: settings.page, pullingFrequencyInMs: settings.poll,
      eachBatch: async (messages) => {
        last = performance.now();
        for (const m of messages) if (!seen.has(m.metadata.globalPosition)) seen.set(m.metadata.globalPosition, last);
      },
    });
    const { currentGlobalPosition } = await readLastMessageGlobalPosition(log.execute);
    const pulling = puller.start({ startFrom: { lastCheckpoint: currentGlobalPosition ?? 0n } });
    const ran = await run(clients, millis, appending((position, called) => written.set(position, called)));
    const began = performance.now();
    const missing = () => [...written.keys()].filter((position) => !seen.has(position)).length;
    while (missing() > 0 && performance.now() - Math.max(last, began) < settings.patience) await sleep(50);
    await puller.stop();
    await pulling;
    const delays = [...written].filter(([position]) => seen.has(position)).map(([position, called]) => seen.get(position) - called);
    return { rate: ran.rate, appended: written.size, missed: missing(), ...quantiles(delays) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  const answer = await jobs[job.do](job).catch((err) => ({ error: `${job.do}: ${err.stack ?? err}` }));
  console.log(JSON.stringify(answer));
}
process.exit(0);
