"""Write every screen again; look at the difference before it is committed."""

from tests.screens.capture import main

main()
