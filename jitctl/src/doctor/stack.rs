//! A PAM stack as libpam reads it and goes through it: what each file of pam.d says, with includes and substacks, and what comes of it when the
//! modules return what they may. Must never read a line otherwise than libpam does.
