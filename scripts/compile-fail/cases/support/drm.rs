// SPDX-License-Identifier: GPL-2.0

// A DRM driver whose objects are those of the case, a `Part` each.

struct Driver;
struct File;

impl kernel::drm::file::DriverFile for File {
    type Driver = Driver;

    fn open(_: &kernel::drm::Device<Driver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL)?.into())
    }
}

#[vtable]
impl kernel::drm::Driver for Driver {
    type Data = ();
    type RegistrationData<'a> = ();
    type File = File;
    type Object = kernel::drm::gem::Object<Part>;
    type ParentDevice<Ctx: kernel::device::DeviceContext> = kernel::faux::Device<Ctx>;

    const INFO: kernel::drm::DriverInfo = kernel::drm::DriverInfo {
        major: 0,
        minor: 0,
        patchlevel: 0,
        name: c"case",
        desc: c"case",
    };
    const IOCTLS: &'static [kernel::drm::ioctl::DrmIoctlDescriptor] = &[];
}
