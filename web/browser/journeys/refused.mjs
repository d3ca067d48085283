export const steps = 'a wrong password is refused, with what was typed kept and the password gone; then another language'

export async function walk(page, { check, given }) {
  await page.goto(given.address + '/login')
  await page.fill('input[name=name]', 'nobody@example.com')
  await page.fill('input[name=password]', 'not this one')
  await page.locator('main form button[type=submit], form button.primary').first().click()
  await page.locator('[role=alert]').first().waitFor()
  check(await page.inputValue('input[name=name]') === 'nobody@example.com', 'the name is kept')
  check(await page.inputValue('input[name=password]') === '', 'the password is not')
  await page.goto(given.address + '/login')
  await page.goto(given.address + '/password/forgot')
  check(await page.locator('input[name=name], input[name=email]').count() > 0, 'forgotten passwords are asked about')
}
