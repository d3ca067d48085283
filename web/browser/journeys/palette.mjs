export const steps = 'the office goes to a page and to a customer by keyboard, and searches where there is no script'
export const who = 'staff'

export async function walk(page, { check, open, given, script }) {
  await page.goto(given.address + '/staff/customers')
  const customer = page.locator('main table a[href^="/staff/customers/"]').first()
  const name = (await customer.innerText()).trim(), href = await customer.getAttribute('href')
  if (!script) {
    const field = page.locator('#search-all')
    if (await field.isVisible()) {
      await field.fill(name)
      await field.press('Enter')
    } else {
      await open('/staff/search')
      await page.locator('#q').fill(name)
      await page.locator('#q').press('Enter')
    }
    await page.locator(`main a[href="${href}"]`).first().click()
    return page.waitForURL('**' + href)
  }
  const options = page.locator('#palette [role=option]')
  await page.keyboard.press('Control+k')
  await page.keyboard.type('receiv')
  check(await options.count() === 1, 'one page of the rail is called that')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/staff/receivables')

  await page.keyboard.press('/')
  await page.keyboard.type(name)
  const found = options.filter({ hasText: name }).first()
  await found.waitFor()
  while (await found.getAttribute('aria-selected') !== 'true') await page.keyboard.press('ArrowDown')
  check(await page.locator('#palette-q').getAttribute('aria-activedescendant') === await found.getAttribute('id'), 'what is chosen is told to who does not see it')
  await page.keyboard.press('Enter')
  await page.waitForURL('**' + href)

  await page.keyboard.press('Control+k')
  await page.keyboard.type('zzzz nobody')
  await page.locator('#palette [role=status]').filter({ hasText: 'Nothing' }).waitFor()
  await page.keyboard.press('Escape')
  check(!await page.locator('#palette').isVisible(), 'Escape closes it')
  await page.keyboard.press('/')
  await page.keyboard.type('zzzz nobody')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/staff/search?q=*')
}
