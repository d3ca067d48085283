// Text that would run, or call elsewhere, wherever a page took it for markup: typed into
// everything that the API takes text for and that people are shown. crawl.mjs and watch.mjs
// see what comes of it.
const song = '"><img src=x onerror=alert(1)><script>alert(2)</script>' + "'onfocus=alert(3) autofocus x='{{7*7}}"
const elsewhere = '"><img src=https://elsewhere.invalid/c.png>'

export async function plantCanaries(given) {
  const own = given.customer
  const { id } = await give(given, '/v1/customers', { number: 'C"><b>1', legal_name: song, country: elsewhere, address: `${song}\n${elsewhere}` })
  for (const customer_id of [id, own]) {
    await give(given, '/v1/contacts', { customer_id, name: song, phone: '"><b onclick=x>' })
    await give(given, '/v1/invoices', {
      publish: true, number: `N"><i>${customer_id.slice(0, 4)}`, customer_id, reference: elsewhere.slice(0, 60),
      lines: [{ sku: '"><u>', text: song, quantity: '1', unit_price: '10.00', tax_code: 'VAT20' }],
    })
    await give(given, `/v1/customers/${customer_id}/accounts/GBP/payments`, { amount: { minor: 100, currency: 'GBP' }, method: 'bank_transfer', external_ref: customer_id.slice(0, 8) + elsewhere, oldest_first: true })
  }
}

async function give(given, path, body) {
  const got = await fetch(given.address + path, {
    method: 'POST', body: JSON.stringify(body),
    headers: { Authorization: 'Bearer ' + given.key, 'Content-Type': 'application/json' },
  })
  const text = await got.text()
  if (!got.ok) throw new Error(`${path}: ${got.status} ${text}`)
  return JSON.parse(text)
}
