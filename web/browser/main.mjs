// Walks the pages of a served sample business, and says on standard output what is wrong:
// a JSON object a line, {name, ms, notes, wrong}. What to walk comes on standard input
// (browser_test.go). One browser, a few contexts at a time.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { plantCanaries } from './canary.mjs'
import { crawl } from './crawl.mjs'
import { journeys } from './journeys.mjs'
import { pictures } from './picture.mjs'

const given = JSON.parse(readFileSync(0, 'utf8'))
const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'] })

// told runs a part and reports it. A part that throws is wrong, too.
async function told(name, part) {
  const began = Date.now(), out = { name, notes: [], wrong: [] }
  try {
    await part(out)
  } catch (e) {
    out.wrong.push(String(e.stack || e))
  }
  console.log(JSON.stringify({ ...out, ms: Date.now() - began }))
}

// atOnce runs parts, some at the same time.
async function atOnce(parts, several) {
  const rest = [...parts]
  await Promise.all(Array.from({ length: several }, async () => {
    while (rest.length) await rest.shift()()
  }))
}

given.browser = browser
given.states = {} // who: cookies of somebody who is signed in
for (const [who, way] of Object.entries(given.ways)) {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(way)
  given.states[who] = await context.storageState()
  await context.close()
}

// The pictures first: what comes after changes what they show.
await told('pictures', out => pictures(given, out))
if (!given.update) {
  await told('canaries', () => plantCanaries(given))
  const seen = new Set(), found = new Set() // pages that axe has looked at; addresses that somebody was led to
  await atOnce([
    ...['contact', 'staff', 'auditor'].map(who => () => told('crawl/' + who, out => crawl(given, who, { seen, found }, out))),
    () => journeys(given, told),
  ], 3)
  await told('crawl/anonymous', out => crawl(given, 'anonymous', { seen, found }, out))
} 
await browser.close()
