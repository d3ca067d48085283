export const steps = 'staff look for a customer, record a payment that is refused first, correct it, and see it'
export const who = 'staff'

export async function walk(page, { check, given }) {
  await page.goto(`${given.address}/staff/payments/new?customer_id=${given.customer}`)
  const form = page.locator('form[action$="/payments"][method=post]')
  await form.locator('input[name=amount]').fill('twelve')
  const reference = `walked ${Math.random()}` // the same reference twice is one payment
  await form.locator('input[name=external_ref]').fill(reference)
  await form.locator('button.primary').click()
  await page.locator('[role=alert]').first().waitFor()
  check(await form.locator('input[name=amount]').inputValue() === 'twelve', 'what was typed is kept')
  check(await form.locator('input[name=external_ref]').inputValue() === reference, 'the reference, too')
  await form.locator('input[name=amount]').fill('12.34')
  await form.locator('button.primary').click()
  await page.waitForURL(/\/staff\/payments\/[0-9a-f-]{36}/)
  const main = page.locator('main')
  check((await main.innerText()).includes('12.34'), 'the payment is shown')
  check((await main.innerText()).includes(reference), 'with its reference')
  check(await page.locator('[role=status]:visible').first().isVisible(), 'and that it was recorded is said')
}
