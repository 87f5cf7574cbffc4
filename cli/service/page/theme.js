// Follow the system's colour scheme. A classic script in the head, so that the page is never painted in the wrong one.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => { document.documentElement.dataset.bsTheme = dark.matches ? 'dark' : 'light' }
dark.addEventListener('change', follow)
follow()
