// Rates the main pages with Lighthouse as a phone gets them: performance, accessibility and best
// practices, medians of some runs. `make lighthouse` builds Portico and calls it; it serves the
// sample business by itself, on a free port, and ends what it started.
//   node rate.mjs BINARY [RUNS]
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { launch } from 'chrome-launcher'
import lighthouse from 'lighthouse'

const [binary, runs = '3'] = process.argv.slice(2)
if (!binary || !(Number(runs) > 0)) {
  console.error('usage: node rate.mjs BINARY [RUNS]')
  process.exit(2)
}
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
if (!existsSync(chromium)) throw new Error(`no Chromium at ${chromium}: install it, or say where it is in CHROMIUM`)
const aim = 95 // of 100, in each
const categories = ['performance', 'accessibility', 'best-practices']
const pages = {
  nobody: ['/login'],
  contact: ['/', '/invoices', '/payments', '/statement', '/documents'],
  staff: ['/', '/staff/customers', '/staff/invoices', '/staff/receivables'],
}

const dir = mkdtempSync(join(tmpdir(), 'portico-lighthouse-'))
chmodSync(dir, 0o755) // PostgreSQL may be another user's
const server = spawn(binary, ['serve', '--sample', '--addr', '127.0.0.1:0', '--data-dir', dir], { stdio: ['ignore', 'pipe', 'ignore'] })
let chrome, short = 0
try {
  const { address, ways } = await served()
  chrome = await launch({ chromePath: chromium, chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu'], logLevel: 'error' })
  console.log(['page'.padEnd(28), ...categories].join('  '))
  for (const [who, paths] of Object.entries(pages)) {
    const cookie = ways[who] && await session(ways[who])
    for (const path of paths) {
      const scores = categories.map(() => []), minds = new Set()
      for (let i = 0; i < Number(runs); i++) {
        const { lhr } = await lighthouse(address + path, { port: chrome.port, logLevel: 'error', onlyCategories: categories, extraHeaders: cookie ? { Cookie: cookie } : {} })
        if (new URL(lhr.finalDisplayedUrl).pathname !== path) throw new Error(`${who} asked for ${path} and got ${lhr.finalDisplayedUrl}`)
        categories.forEach((c, n) => {
          scores[n].push(Math.round(lhr.categories[c].score * 100))
          for (const { id, weight } of lhr.categories[c].auditRefs) if (weight && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9) minds.add(id)
        })
      }
      const medians = scores.map(all => all.sort((a, b) => a - b)[all.length >> 1])
      if (medians.some(m => m < aim)) short++
      console.log([`${who} ${path}`.padEnd(28), ...medians.map((m, n) => String(m).padStart(categories[n].length)), ...minds].join('  '))
    }
  }
} finally {
  await chrome?.kill()
  server.kill('SIGTERM')
  await new Promise(done => server.exitCode === null ? server.once('exit', done) : done())
  rmSync(dir, { recursive: true, force: true })
}
if (short) {
  console.error(`${short} pages are below ${aim}`)
  process.exit(1)
}

// served waits for the addresses that the server prints.
async function served() {
  const ways = [], kinds = ['contact', 'staff']
  let address
  for await (const line of createInterface({ input: server.stdout })) {
    address ??= line.match(/serves a sample business on (\S+)/)?.[1]
    const way = line.match(/(\S+\/sample\/\S+)/)?.[1]
    if (way) ways.push(way)
    if (address && ways.length >= kinds.length) return { address, ways: Object.fromEntries(kinds.map((k, i) => [k, ways[i]])) }
  }
  throw new Error('the server ended before it printed its addresses')
}

// session signs in by an address of the sample, and answers the cookie.
async function session(way) {
  const got = await fetch(way, { redirect: 'manual' })
  return got.headers.getSetCookie().map(c => c.split(';')[0]).join('; ')
}
