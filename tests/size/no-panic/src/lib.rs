//! The public surface of redress in images that link only if nothing in them can panic.
//!
//! The panic handler calls a function which does not exist. Every value comes out of a register, so that no branch can
//! be decided while compiling; every result goes into one, so that nothing is left out. With the feature `unwrap` there
//! is one `unwrap` in each image, and none may link: otherwise their linking proves nothing.
//!
//! Every `async` block panics if it is polled after its end; the language adds this panic, and no library can remove it.
//! The image of the async driver excepts the message of that panic and no other. The compiler evaluates the
//! comparison only if a single message can reach the handler, so a second panic keeps the image from linking too.
#![no_std]

pub mod asynch;
pub mod blocking;
pub mod classifiers;
pub mod configuration;
pub mod embedded;
pub mod keeper;
pub mod machine;
pub mod opaque;
pub mod shared;
pub mod sink;

/// An image of these steps, which links only if nothing in it can panic, or only with the excepted message.
#[macro_export]
macro_rules! image {
    ($($step:path),+ $(; except $message:literal)?) => {
        board::image!({
            $($step();)+
            #[cfg(feature = "unwrap")]
            board::report(u32::from(u8::try_from($crate::opaque::word()).unwrap()));
        });

        // Inlined, so that the message is known where it is compared.
        #[panic_handler]
        #[inline(always)]
        #[expect(unsafe_code, clippy::inline_always, reason = "declares what is missing on purpose")]
        fn panic(_info: &core::panic::PanicInfo) -> ! {
            unsafe extern "C" {
                safe fn something_in_this_image_can_panic() -> !;
            }
            $(if _info.message().as_str() == Some($message) {
                loop {
                    core::hint::spin_loop();
                }
            })?
            something_in_this_image_can_panic()
        }
    };
}
